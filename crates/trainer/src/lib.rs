//! Recipes, training loop, checkpoints, inference and evaluation.
