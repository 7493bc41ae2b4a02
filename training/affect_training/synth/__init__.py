"""Labelled clips of no real person: rendered faces whose expressions follow a known mapping."""
