/**
 * Discrete events in virtual time: what happens is a list of moments, and the clock jumps from one to the next. Processes are
 * generators that yield what they wait for, so a client or a cascade reads from top to bottom like the code it stands for.
 * Moments that are equal come in the order in which they were asked for: the same world always gives the same run.
 */

/** Until an epoch ms, or until another process has ended. */
export type Wait = number | Task
export type Process<A = void> = Generator<Wait, A, void>

/** A process that was started. */
export interface Task {
  done: boolean
  readonly waiters: (() => void)[]
}

export interface Timeline {
  /** Epoch ms. */
  readonly now: () => number
  /** Calls back at `at`, or at once (after what is due already) when that has passed. */
  readonly at: (at: number, then: () => void) => void
  readonly start: (process: Process) => Task
  /**
   * Until the last process has ended: what is only called back keeps no world going. Throws after `limit` moments: a world that
   * does not end is a bug.
   */
  readonly run: (limit?: number) => void
  /** At most so many moments; answers false when the last process has ended. */
  readonly advance: (moments: number) => boolean
}

interface Moment {
  readonly at: number
  readonly order: number
  readonly then: () => void
}

/** Some fifty times what six busy hours have. */
export const MOST_MOMENTS = 20_000_000

export const makeTimeline = (startsAt: number): Timeline => {
  const heap: Moment[] = []
  let clock = startsAt
  let order = 0
  let living = 0

  const at: Timeline['at'] = (time, then) => {
    order += 1
    push(heap, { at: Math.max(clock, time), order, then })
  }

  const resume = (process: Process, task: Task): void => {
    const step = process.next()
    if (step.done === true) {
      task.done = true
      living -= 1
      for (const waiter of task.waiters) waiter()
      return
    }
    const wait = step.value
    if (typeof wait === 'number') at(wait, () => resume(process, task))
    else if (wait.done) at(clock, () => resume(process, task))
    else wait.waiters.push(() => at(clock, () => resume(process, task)))
  }

  const advance = (moments: number): boolean => {
    for (let count = 0; living > 0 && count < moments; count++) {
      const moment = pop(heap)
      if (moment === undefined) throw new Error('a process waits for what never comes')
      clock = moment.at
      moment.then()
    }
    return living > 0
  }

  return {
    now: () => clock,
    at,
    start: (process) => {
      const task: Task = { done: false, waiters: [] }
      living += 1
      at(clock, () => resume(process, task))
      return task
    },
    run: (limit = MOST_MOMENTS) => {
      if (advance(limit)) throw new Error(`the world goes on after ${limit} moments`)
    },
    advance,
  }
}

// ---- a binary heap, the earliest first -----------------------------------------------------------------------------

const isBefore = (a: Moment, b: Moment): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

const push = (heap: Moment[], moment: Moment): void => {
  let index = heap.length
  heap.push(moment)
  while (index > 0) {
    const above = (index - 1) >> 1
    const parent = heap[above] as Moment
    if (!isBefore(moment, parent)) break
    heap[index] = parent
    index = above
  }
  heap[index] = moment
}

const pop = (heap: Moment[]): Moment | undefined => {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let index = 0
  for (;;) {
    const left = 2 * index + 1
    if (left >= heap.length) break
    const right = left + 1
    const child = right < heap.length && isBefore(heap[right] as Moment, heap[left] as Moment) ? right : left
    const below = heap[child] as Moment
    if (!isBefore(below, last)) break
    heap[index] = below
    index = child
  }
  heap[index] = last
  return first
}
