"""Read files within limits, write files completely or not at all, and find the files that ship with the package."""
