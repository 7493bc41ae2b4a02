"""Clips and their ratings -> crops on disk that training reads.

`split`, `info`, `clip`, `shards`, `lock` <- `record` <- `job` (one shard) <- `pool` (many);
`index` (ratings joined to samples), `tables` <- `report` <- `checks`; all of them <- `prepare`.
`prepared` reads the result and decodes no clip.
"""
