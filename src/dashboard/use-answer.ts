/**
 * What a component asks of the API: once when it appears, again when the question changes, and again whenever something has
 * happened on the box, unless a past moment is looked at, which does not change.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Answer } from './api/ask.ts'
import { pulse, slowPulse } from './live.ts'

export type Loaded<A> = Answer<A> | { readonly _tag: 'Loading' }

export interface Asked<A> {
  /** The newest answer. */
  readonly answer: Loaded<A>
  /** It answers the question before, until the next answer has come. */
  readonly isStale: boolean
  readonly reload: () => void
}

interface Kept<A> {
  readonly question: string
  readonly answer: Answer<A>
}

/** Within a second, within five, or not at all. */
export type Follows = 'quick' | 'slow' | 'never'

/** A question that is being asked; `again`: something has happened meanwhile. */
interface Asking {
  again: boolean
}

/**
 * @param question names what is asked; another text asks anew
 * @param follows how soon to ask again when something has happened
 */
export const useAnswer = <A>(
  question: string,
  load: (signal: AbortSignal) => Promise<Answer<A>>,
  follows: Follows = 'quick',
): Asked<A> => {
  const [kept, keep] = useState<Kept<A> | null>(null)
  const asking = useRef<Asking | null>(null)
  const askNow = useRef<() => void>(() => undefined)
  // The question stands for what `load` closes over.
  useEffect(() => {
    const left = new AbortController()
    askNow.current = () => {
      // A box that answers slowly is not asked twice at once, and an answer is never thrown away for a newer question.
      if (asking.current !== null) {
        asking.current.again = true
        return
      }
      const mine: Asking = { again: false }
      asking.current = mine
      void load(left.signal).then((answer) => {
        if (left.signal.aborted) return
        asking.current = null
        keep({ question, answer })
        if (mine.again) askNow.current()
      })
    }
    asking.current = null
    askNow.current()
    return () => left.abort()
  }, [question])
  const beat = follows === 'quick' ? pulse.value : follows === 'slow' ? slowPulse.value : 0
  const seen = useRef(beat)
  useEffect(() => {
    if (seen.current === beat) return
    seen.current = beat
    askNow.current()
  }, [beat])
  return {
    answer: kept?.answer ?? { _tag: 'Loading' },
    isStale: kept !== null && kept.question !== question,
    reload: useCallback(() => askNow.current(), []),
  }
}
