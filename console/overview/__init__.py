"""The overview: the page that shows every app at a glance."""
