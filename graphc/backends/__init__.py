"""How loops become a callable: source, native code, the disk cache, the reference interpreter."""
