"""The services of `targets`, repaired by the smallest natural change; every scenario passes in every schedule."""
