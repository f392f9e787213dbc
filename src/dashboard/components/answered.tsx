/**
 * What is shown of an answer: its value, or plainly why there is none.
 */
import type { ComponentChildren } from 'preact'
import { problemOf } from '../api/ask.ts'
import type { Asked } from '../use-answer.ts'

export const Answered = <A,>(props: {
  readonly asked: Asked<A>
  /** What it is, for the sentence that says that it is not there. */
  readonly what: string
  readonly children: (value: A) => ComponentChildren
}) => {
  const { answer, isStale } = props.asked
  switch (answer._tag) {
    case 'Loading':
      return <p class="quiet">Loading {props.what} …</p>
    case 'Ok':
      return (
        <div class={isStale ? 'stale' : undefined} aria-busy={isStale}>
          {props.children(answer.value)}
        </div>
      )
    case 'NotThere':
      return (
        <p class="notice">
          There is no answer about {props.what}: {answer.message}
        </p>
      )
    default:
      return (
        <p class="notice bad" role="alert">
          No {props.what}: {problemOf(answer)}
        </p>
      )
  }
}
