"""Reading an error text: cleaned lines, records, and the facts that stand in them."""
