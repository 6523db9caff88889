"""The studio: a page and an HTTP interface on one's own machine; `cambiata serve` starts it."""
