"""Ratings: every label format this field knows -> one manifest, one gold standard.

`types` <- `files`, `frames`, `images` <- the readers `affwild2`, `affwild`, `annemo`, `afewva`;
`types` <- `rows` <- `manifest`. `join` brings ratings to sample times, `gold` makes one rating of
several annotators', and `agreement` says how far they agree.
"""
