"""Fine-tuning of any pair of towers on captioned pictures, guarded by measures before and after."""
