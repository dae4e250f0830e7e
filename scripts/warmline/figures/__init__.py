"""The figures of a study, one a module: the rows that it shows, and the chart drawn from them.

Marks tell by shape and fill what they also tell by colour, so that the figures survive grey print and serve
colour-blind readers. A mark's tooltip holds the rows behind it. Nothing is fetched from a network, neither to draw a
figure nor to view it.
"""
