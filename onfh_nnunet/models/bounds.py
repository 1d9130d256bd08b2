"""Limits on what a model file may state, each with its reason; larger values are refused before memory is used.

A digest tells that a file is as it was written. It does not tell that what was written makes sense, or who wrote it.
"""

from __future__ import annotations

JSON_BYTES = 10_000_000
"""Most bytes of a text of JSON; nnU-Net's have some 10 kB. Empty lists of so many bytes take 0.3 GB when parsed."""

JSON_DEPTH = 16
"""Deepest nesting of JSON; nnU-Net's plans have 6 levels. Much deeper values exhaust the stack when they are copied."""

FILE_BYTES = 8_000_000_000
"""Largest model file: ten folds of the largest network of nnU-Net. A sparse file seems as large as it likes."""

FOLDS = (0, 999)
"""Numbers of folds; nnU-Net has 5, leave-one-out one a patient."""

COUNT = (0, 10_000_000)
"""Numbers of hips and patients: more than any registry has."""

LINE = 200
"""Most characters of a statement in a card; each is one line of text."""

SPACING_MM = (0.3, 10.0)
"""Voxel spacing to which hips are resampled: from the finest MRI of a hip to slices as thick as no study has them."""

HIP_BOXES_MM = (40.0, 300.0)
"""Edges of a box around a head that make sense: from a small head alone to both hips."""

STAGES = (2, 8)
"""Resolution stages of a U-Net: nnU-Net halves patches of up to 512 voxels until 4 are left."""

FEATURES = (1, 512)
"""Feature maps of a stage: nnU-Net plans up to 320 in 3D, and 512 in 2D."""

CONVOLUTIONS = (1, 10)
"""Convolutions or residual blocks of a stage: nnU-Net plans 1 to 6."""

PATCH = (1, 512)
"""Voxels of a patch along an axis; their product is bounded by `FEATURE_VALUES`."""

FEATURE_VALUES = 2**27
"""Most values of the feature maps of a patch at full resolution (0.5 GB): nnU-Net's plans for 8 GB have up to 8e7."""

TILE_STEP = 0.5
"""Distance of tiles as a share of the patch, at most; nnU-Net's default."""

TILED_VOXELS = 2**25
"""Most voxels of all tiles of one hip together, in the plan's spacing: 16 tiles of 128 voxels cubed."""

PARAMETERS = 300_000_000
"""Most parameters of a fold: twice nnU-Net's largest network in 3D."""

WEIGHT = 65504.0
"""Largest amount of a weight: the largest number of half precision, in which GPUs compute."""
