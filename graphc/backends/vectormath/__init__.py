"""Vector mathematics: elementary functions as branch-free LLVM code that loops can vectorise."""
