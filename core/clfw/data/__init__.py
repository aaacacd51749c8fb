"""From files to rows and decoded pixels. No torch."""
