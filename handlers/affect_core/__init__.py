"""Clip bytes -> arousal and valence per frame and person.

Knows nothing of TorchServe or HTTP. Data flows one way:

    decode -> faces -> tracks -> crops -> model.backbone -> sequences -> model.temporal
"""
