"""Files in, text with its structure out: a parser for each format, none of which opens a socket or another file."""
