/** What is fuzzed. Shares of a long run add up to about a hundred. */
import type { Target } from './target.ts'
import { answerTargets } from './targets/answers.ts'
import { fileTargets } from './targets/files.ts'
import { headerTargets } from './targets/headers.ts'
import { httpTarget } from './targets/http-entry.ts'
import { jsonTargets } from './targets/json.ts'
import { streamTargets } from './targets/streams.ts'
import { translationTargets } from './targets/translation.ts'

export const targets: readonly Target[] = [
  ...streamTargets,
  ...headerTargets,
  ...jsonTargets,
  ...translationTargets,
  ...answerTargets,
  ...fileTargets,
  httpTarget,
]
