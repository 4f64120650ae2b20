"""graphc: symbolic expression graphs, differentiated, proved and compiled to fused kernels."""

import graphc.ops as ops
