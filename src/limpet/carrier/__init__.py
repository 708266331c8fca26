"""The upstreams: one file a carrier, behind one seam."""
