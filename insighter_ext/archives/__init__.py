"""Archives: a project as one file, taken out here and brought in elsewhere."""
