/**
 * Work on bodies of megabytes in steps of some milliseconds: it yields where others may run in between. What a step is made
 * of is the work's own business; who runs it decides whether anybody is let in.
 */
export type Steps<A> = Generator<undefined, A>

/** All of it, in one go. */
export const inOneGo = <A>(steps: Steps<A>): A => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
