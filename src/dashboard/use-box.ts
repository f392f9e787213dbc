/**
 * The box as it is at the moment that is looked at.
 */
import type { BoxView } from '#actors/views/box-view.ts'
import { fetchBox } from './api/state.ts'
import { setClock } from './clock.ts'
import { moment } from './router.ts'
import { type Asked, useAnswer } from './use-answer.ts'

export const useBox = (): Asked<BoxView> => {
  const past = moment.value
  return useAnswer(
    `box ${past ?? 'now'}`,
    async (signal) => {
      const answer = await fetchBox(past, signal)
      if (past === null && answer._tag === 'Ok') setClock(answer.value.at)
      return answer
    },
    past === null ? 'quick' : 'never',
  )
}
