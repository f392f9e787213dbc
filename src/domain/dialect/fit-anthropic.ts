/**
 * Fits a request to an Anthropic-format upstream that does not accept all of it: named features leave the body and the
 * `anthropic-beta` values together, by cuts in the raw text.
 */
import { cutFields } from '#domain/dialect/cut-fields.ts'
import { closure, matchesBeta } from '#domain/dialect/paired-features.ts'
import type { Steps } from '#domain/steps.ts'

export interface FittedRequest {
  /** The same array when nothing was in it. */
  readonly body: Uint8Array
  /** The values of `anthropic-beta`; the same array when all stay. */
  readonly betas: readonly string[]
  /** The features that were there. */
  readonly removed: readonly string[]
}

/**
 * @param request `without`: features as paired-features.ts writes them; those that belong to them go too. `body`: valid JSON
 * in UTF-8.
 */
export const fitAnthropic = function* (request: {
  readonly body: Uint8Array
  readonly betas: readonly string[]
  readonly without: readonly string[]
}): Steps<FittedRequest> {
  const features = closure(request.without)
  const fields = features.filter((feature) => feature.startsWith(FIELD)).map((feature) => feature.slice(FIELD.length))
  const { body, cut } = yield* cutFields(request.body, fields)
  const gone = request.betas.filter((beta) => features.some((feature) => matchesBeta(feature, beta)))
  return {
    body,
    betas: gone.length === 0 ? request.betas : request.betas.filter((beta) => !gone.includes(beta)),
    removed: [...new Set(gone.map((beta) => `beta:${beta}`)), ...cut.map((field) => FIELD + field)],
  }
}

const FIELD = 'field:'
