/**
 * A change that is sent, and what came of it.
 */
import { useState } from 'preact/hooks'
import { type Answer, problemOf } from './api/ask.ts'
import { announce } from './components/announcer.tsx'

export interface Change {
  readonly isBusy: boolean
  /** Why the last one was not made. */
  readonly problem: string | null
  /** True when it was made. */
  readonly make: (act: () => Promise<Answer<unknown>>, done: string) => Promise<boolean>
}

export const useChange = (onChanged: () => void): Change => {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  return {
    isBusy,
    problem,
    make: async (act, done) => {
      setBusy(true)
      const answer = await act()
      setBusy(false)
      if (answer._tag !== 'Ok') {
        setProblem(problemOf(answer))
        return false
      }
      setProblem(null)
      announce(done)
      onChanged()
      return true
    },
  }
}
