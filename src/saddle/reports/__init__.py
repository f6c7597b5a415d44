"""What runs left on disk, read side by side: tables, charts, pictures, and pages that need nothing else."""
