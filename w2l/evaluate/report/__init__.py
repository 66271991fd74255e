"""Reports on clips: tables, figures, one page."""
