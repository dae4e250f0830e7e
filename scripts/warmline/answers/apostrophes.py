"""What is typed for an apostrophe: "can't" is one word, however it is written."""

# Quotes, primes and accents, and U+2019 in UTF-8 read as Windows-1252. Polars reads this pattern as Python does.
PATTERN = "\u00e2\u20ac\u2122|[\u2018\u2019\u201b\u02bc\u02bb\u02b9\u2032\u00b4`\ua78c\u055a\uff07]"
