"""The documentation of a protocol: Markdown with Mermaid, and one HTML page with its own diagrams."""
