"""The pool of threads in LLVM's words; `graphc.backends.pool` fills in what begins with a dollar."""

from __future__ import annotations

TEXT = """
@pool = internal global [$size x i8] zeroinitializer, align $line
$places
$define_pause
declare ptr @PyThread_allocate_lock()
declare i32 @PyThread_acquire_lock(ptr, i32)
declare void @PyThread_release_lock(ptr)
$define_start

; the address of the pool's memory: a forked child clears it
define ptr @graphc_pool() {
  ret ptr @pool
}

; compute chunks until there are none left
define internal void @compute() {
entry:
  %function = load ptr, ptr @function
  %context = load ptr, ptr @context
  %chunks = load i64, ptr @chunks
  br label %next
next:
  %chunk = atomicrmw add ptr @next, i64 1 seq_cst
  %more = icmp slt i64 %chunk, %chunks
  br i1 %more, label %work, label %end
work:
  call void %function(ptr %context, i64 %chunk)
  br label %next
end:
  ret void
}

; a helper's life; its box holds 0 while it is awake, 1 when there is work, 2 while it sleeps on the box's lock
define internal ptr @help(ptr %box) {
entry:
  %lock_place = getelementptr i64, ptr %box, i64 1
  %lock = load ptr, ptr %lock_place
  br label %look
look:
  %spins = phi i64 [ 0, %entry ], [ 0, %sleep ], [ 0, %asleep ], [ 0, %begin ], [ 0, %work ], [ 0, %last ],
                   [ 0, %wake ], [ %spun, %spin ]
  %state = load atomic i64, ptr %box monotonic, align 8
  %called = icmp eq i64 %state, 1
  br i1 %called, label %begin, label %spin
spin:
  call void $pause()
  %spun = add i64 %spins, 1
  %patient = icmp slt i64 %spun, $spins
  br i1 %patient, label %look, label %sleep
sleep:
  %sleeping = cmpxchg ptr %box, i64 0, i64 2 seq_cst seq_cst
  %sleeps = extractvalue { i64, i1 } %sleeping, 1
  br i1 %sleeps, label %asleep, label %look
asleep:
  call i32 @PyThread_acquire_lock(ptr %lock, i32 1)
  br label %look
begin:
  %taking = cmpxchg ptr %box, i64 1, i64 0 seq_cst seq_cst
  %taken = extractvalue { i64, i1 } %taking, 1
  br i1 %taken, label %work, label %look
work:
  call void @compute()
  %running = atomicrmw sub ptr @running, i64 1 seq_cst
  %is_last = icmp eq i64 %running, 1
  br i1 %is_last, label %last, label %look
last:
  %waiting = atomicrmw xchg ptr @waiting, i64 0 seq_cst
  %waits = icmp eq i64 %waiting, 1
  br i1 %waits, label %wake, label %look
wake:
  %done = load ptr, ptr @done
  call void @PyThread_release_lock(ptr %done)
  br label %look
}

; a lock that whoever acquires it first waits for
define internal ptr @closed_lock() {
  %lock = call ptr @PyThread_allocate_lock()
  call i32 @PyThread_acquire_lock(ptr %lock, i32 1)
  ret ptr %lock
}

; start helpers until there are as many as wanted; return how many there are
define internal i64 @start(i64 %wanted) {
entry:
  %thread = alloca i64
  %first = load i64, ptr @helpers
  %fresh = icmp eq i64 %first, 0
  br i1 %fresh, label %open, label %next
open:
  %done = call ptr @closed_lock()
  store ptr %done, ptr @done
  br label %next
next:
  %helper = phi i64 [ %first, %entry ], [ %first, %open ], [ %following, %started ]
  %fewer = icmp slt i64 %helper, %wanted
  br i1 %fewer, label %begin, label %end
begin:
  %box = getelementptr [$line x i8], ptr @boxes, i64 %helper
  %lock_place = getelementptr i64, ptr %box, i64 1
  %lock = call ptr @closed_lock()
  store ptr %lock, ptr %lock_place
  %failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @help, ptr %box)
  %well = icmp eq i32 %failed, 0
  br i1 %well, label %started, label %end
started:
  %following = add i64 %helper, 1
  store i64 %following, ptr @helpers
  br label %next
end:
  ret i64 %helper
}

; give work to helpers (those that sleep are woken), or take back what they have not begun
define internal void @call_helpers(i64 %count) {
entry:
  br label %next
next:
  %helper = phi i64 [ 0, %entry ], [ %following, %call ], [ %following, %wake ]
  %more = icmp slt i64 %helper, %count
  br i1 %more, label %call, label %end
call:
  %box = getelementptr [$line x i8], ptr @boxes, i64 %helper
  %state = atomicrmw xchg ptr %box, i64 1 seq_cst
  %asleep = icmp eq i64 %state, 2
  %following = add i64 %helper, 1
  br i1 %asleep, label %wake, label %next
wake:
  %lock_place = getelementptr i64, ptr %box, i64 1
  %lock = load ptr, ptr %lock_place
  call void @PyThread_release_lock(ptr %lock)
  br label %next
end:
  ret void
}
define internal void @recall_helpers(i64 %count) {
entry:
  br label %next
next:
  %helper = phi i64 [ 0, %entry ], [ %following, %recall ]
  %more = icmp slt i64 %helper, %count
  br i1 %more, label %recall, label %end
recall:
  %box = getelementptr [$line x i8], ptr @boxes, i64 %helper
  %taking = cmpxchg ptr %box, i64 1, i64 0 seq_cst seq_cst
  %taken = extractvalue { i64, i1 } %taking, 1
  %one = zext i1 %taken to i64
  %running = atomicrmw sub ptr @running, i64 %one seq_cst
  %following = add i64 %helper, 1
  br label %next
end:
  ret void
}

; wait until no helper computes: some microseconds awake, then asleep. A helper of the call before may wake us
; too early, so we look again.
define internal void @wait() {
entry:
  br label %look
look:
  %spins = phi i64 [ 0, %entry ], [ %spun, %spin ]
  %running = load atomic i64, ptr @running seq_cst, align 8
  %ended = icmp eq i64 %running, 0
  br i1 %ended, label %end, label %spin
spin:
  call void $pause()
  %spun = add i64 %spins, 1
  %patient = icmp slt i64 %spun, $spins
  br i1 %patient, label %look, label %announce
announce:
  %announced = atomicrmw xchg ptr @waiting, i64 1 seq_cst
  %still = load atomic i64, ptr @running seq_cst, align 8
  %done = load ptr, ptr @done
  %none = icmp eq i64 %still, 0
  br i1 %none, label %withdraw, label %sleep
withdraw:
  %seen = atomicrmw xchg ptr @waiting, i64 0 seq_cst
  %unseen = icmp eq i64 %seen, 1
  br i1 %unseen, label %end, label %sleep
sleep:
  call i32 @PyThread_acquire_lock(ptr %done, i32 1)
  %left = load atomic i64, ptr @running seq_cst, align 8
  %finished = icmp eq i64 %left, 0
  br i1 %finished, label %end, label %announce
end:
  ret void
}

; call function(context, chunk) for each chunk on at most so many threads, this one included
define void @graphc_parallel_for(ptr %function, ptr %context, i64 %chunks, i64 %threads) {
entry:
  %fewer = icmp slt i64 %chunks, %threads
  %used = select i1 %fewer, i64 %chunks, i64 %threads
  %most = icmp slt i64 %used, $most
  %limited = select i1 %most, i64 %used, i64 $most
  %wanted = sub i64 %limited, 1
  %some = icmp sgt i64 %wanted, 0
  br i1 %some, label %try, label %alone
try:
  %taking = cmpxchg ptr @region, i64 0, i64 1 seq_cst seq_cst
  %taken = extractvalue { i64, i1 } %taking, 1
  br i1 %taken, label %together, label %alone
alone:
  %chunk = phi i64 [ 0, %entry ], [ 0, %try ], [ %following, %work ]
  %more = icmp slt i64 %chunk, %chunks
  br i1 %more, label %work, label %end
work:
  call void %function(ptr %context, i64 %chunk)
  %following = add i64 %chunk, 1
  br label %alone
together:
  %started = call i64 @start(i64 %wanted)
  %lacking = icmp slt i64 %started, %wanted
  %helpers = select i1 %lacking, i64 %started, i64 %wanted
  store ptr %function, ptr @function
  store ptr %context, ptr @context
  store i64 %chunks, ptr @chunks
  store atomic i64 0, ptr @next seq_cst, align 8
  store atomic i64 %helpers, ptr @running seq_cst, align 8
  call void @call_helpers(i64 %helpers)
  call void @compute()
  call void @recall_helpers(i64 %helpers)
  call void @wait()
  store atomic i64 0, ptr @region seq_cst, align 8
  br label %end
end:
  ret void
}
"""
