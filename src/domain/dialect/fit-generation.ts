/**
 * Fits the fields that changed between Claude's generations when another model than the asked one answers: how thinking is
 * asked for, efforts, and how long an answer may be. All by cuts in the raw text.
 */
import { type ClaudeModel, EFFORTS, parseClaudeModel, sameModel, thinkingRules } from '#domain/claude-models.ts'
import { cutFields } from '#domain/dialect/cut-fields.ts'
import {
  type Edit,
  editBytes,
  itemsAt,
  latin1,
  memberAt,
  membersAt,
  type Place,
  rootAt,
} from '#domain/dialect/json-cuts.ts'
import type { Steps } from '#domain/steps.ts'

/**
 * @param body of a Messages request or a token count, valid JSON in UTF-8.
 * @param from the model's name as asked for, in any spelling; `to` as it is served.
 * @returns the same array when both are one model, when `to` is no Claude model, and when everything fits.
 */
export const fitGeneration = function* (body: Uint8Array, from: string, to: string): Steps<Uint8Array> {
  const served = parseClaudeModel(to)
  if (served === undefined || sameModel(from, to)) return body
  const { edits, fields } = planFit(readGeneration(latin1(body)), served)
  yield
  const edited = edits.length === 0 ? body : editBytes(body, edits)
  yield
  return (yield* cutFields(edited, fields)).body
}

/** A value and where it lies. */
interface Told<A> {
  readonly value: A
  readonly place: Place
}

interface Generation {
  readonly maxTokens: Told<number> | undefined
  /** The place is that of its `type`. */
  readonly thinking: Told<string> | undefined
  readonly budget: Told<number> | undefined
  readonly effort: Told<string> | undefined
  /** The one in force: an effort in a message counts from there on, so the last one said. */
  readonly lastEffort: () => string | undefined
}

const readGeneration = (text: string): Generation => {
  // Once: each reading walks over the whole conversation.
  const members = membersAt(text, rootAt(text))
  const member = (name: string): Place | undefined => members.findLast((one) => one.name === name)?.value
  const thinking = member('thinking')
  const config = member('output_config')
  const effort = config && told(text, memberAt(text, config.start, 'effort'), isString)
  return {
    maxTokens: told(text, member('max_tokens'), isNumber),
    thinking: thinking && told(text, memberAt(text, thinking.start, 'type'), isString),
    budget: thinking && told(text, memberAt(text, thinking.start, 'budget_tokens'), isNumber),
    effort,
    lastEffort: () => {
      const messages = member('messages')
      const efforts = itemsAt(text, messages?.start ?? text.length).map((message) => {
        const own = memberAt(text, message.start, 'output_config')
        return own && told(text, memberAt(text, own.start, 'effort'), isString)?.value
      })
      return efforts.findLast((own) => own !== undefined) ?? effort?.value
    },
  }
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'

const told = <A>(text: string, place: Place | undefined, is: (value: unknown) => value is A): Told<A> | undefined => {
  if (place === undefined) return undefined
  const value: unknown = JSON.parse(text.slice(place.start, place.end))
  return is(value) ? { value, place } : undefined
}

interface Plan {
  readonly edits: readonly Edit[]
  /** To cut. */
  readonly fields: readonly string[]
}

const planFit = (asked: Generation, served: ClaudeModel): Plan => {
  const rules = thinkingRules(served)
  const { maxTokens, effort } = asked
  const edits: Edit[] = []
  const fields: string[] = []
  if (maxTokens !== undefined && maxTokens.value > rules.maxOutputTokens) {
    edits.push({ ...maxTokens.place, text: String(rules.maxOutputTokens) })
  }
  if (rules.efforts.length === 0) fields.push('output_config.effort')
  else if (effort !== undefined && EFFORTS.includes(effort.value) && !rules.efforts.includes(effort.value)) {
    edits.push({ ...effort.place, text: JSON.stringify(lowerEffort(effort.value, rules.efforts)) })
  }
  if (!rules.messageEffort) fields.push('messages.*.output_config')
  // Updates are a way to show adaptive thinking.
  if (!rules.adaptive) fields.push('thinking.display=updates')
  const thinking = planThinking(asked, served)
  return { edits: [...edits, ...thinking.edits], fields: [...fields, ...thinking.fields] }
}

/** The highest known one below. */
const lowerEffort = (effort: string, known: readonly string[]): string | undefined =>
  EFFORTS.slice(0, EFFORTS.indexOf(effort)).findLast((lower) => known.includes(lower))

const AS_IT_IS: Plan = { edits: [], fields: [] }
const WITHOUT: Plan = { edits: [], fields: ['thinking'] }

const planThinking = ({ thinking, budget, maxTokens, lastEffort }: Generation, served: ClaudeModel): Plan => {
  if (thinking === undefined) return AS_IT_IS
  const rules = thinkingRules(served)
  const longest = Math.min(maxTokens?.value ?? Number.POSITIVE_INFINITY, rules.maxOutputTokens)
  switch (thinking.value) {
    case 'adaptive': {
      if (rules.adaptive) return AS_IT_IS
      const tokens = Math.min(budgetFor(lastEffort()), longest - 1)
      if (!rules.enabled || tokens < LEAST_BUDGET) return WITHOUT
      return { edits: [{ ...thinking.place, text: `"enabled","budget_tokens":${tokens}` }], fields: [] }
    }
    case 'enabled':
      if (rules.enabled) {
        // A budget that the client's own max_tokens could hold must fit into what the model's maximum leaves of it.
        const isTooLarge = budget !== undefined && budget.value >= longest && budget.value < (maxTokens?.value ?? 0)
        return isTooLarge ? { edits: [{ ...budget.place, text: String(longest - 1) }], fields: [] } : AS_IT_IS
      }
      if (!rules.adaptive) return WITHOUT
      return { edits: [{ ...thinking.place, text: '"adaptive"' }], fields: ['thinking.budget_tokens'] }
    case 'disabled':
      return rules.disabled ? AS_IT_IS : WITHOUT
    default:
      return AS_IT_IS
  }
}

/** The API's own minimum; a budget must also be less than `max_tokens`. */
const LEAST_BUDGET = 1_024

/** Tokens. The most is what Claude Code gives those models itself; the API's effort is high where none is said. */
const budgetFor = (effort: string | undefined): number =>
  effort === 'low' ? 4_000 : effort === 'medium' ? 10_000 : 31_999
