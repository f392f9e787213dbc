/**
 * What is wrong with a configuration, where, and what would be right. Values are shown only where no secret can be.
 */
import { Data } from 'effect'

/** Where a value was written. Lines and columns count from 1. */
export type Origin =
  | {
      readonly _tag: 'File'
      /** As shown to people. */
      readonly file: string
      /** Absolute; paths in the file are relative to it. */
      readonly folder: string
      readonly line: number
      readonly column: number
    }
  | { readonly _tag: 'Variable'; readonly name: string }
  | { readonly _tag: 'Flag'; readonly name: string }
  /** Found from the environment, or a built-in value. */
  | { readonly _tag: 'Builtin' }

export type ProblemKind =
  | 'syntax'
  | 'unknownKey'
  | 'unknownVariable'
  | 'missingKey'
  | 'invalidValue'
  | 'literalSecret'
  | 'notAvailable'
  | 'conflict'
  | 'unreadable'
  | 'includeCycle'
  | 'noProvider'

export interface ConfigProblem {
  readonly kind: ProblemKind
  readonly at: Origin
  /** The path of the key, e.g. `routing.maxFallbacks`; empty for the file as a whole. */
  readonly key: string
  /** What is wrong and what to write instead, one line. */
  readonly text: string
  /** The nearest valid names, where a name was mistaken. */
  readonly suggestions: readonly string[]
}

export class ConfigError extends Data.TaggedError('ConfigError')<{
  readonly problems: readonly ConfigProblem[]
  /** What was read: a correction of any of these may cure it. Absolute paths, and patterns with one `*`. */
  readonly source: { readonly files: readonly string[]; readonly patterns: readonly string[] }
}> {
  override get message(): string {
    const count = this.problems.length
    const title = count === 1 ? 'The configuration has a problem:' : `The configuration has ${count} problems:`
    return [title, ...this.problems.map((problem) => `  ${formatProblem(problem)}`)].join('\n')
  }
}

/** One line: `signalbox.yaml:4:3 routing.maxFallback: unknown key; did you mean maxFallbacks?` */
export const formatProblem = (problem: ConfigProblem): string => {
  const where = formatOrigin(problem.at)
  const key = problem.key === '' ? '' : `${problem.key}: `
  const meant = problem.suggestions.length === 0 ? '' : `; did you mean ${problem.suggestions.join(' or ')}?`
  return `${where}${where === '' ? '' : ' '}${key}${problem.text}${meant}`
}

export const formatOrigin = (at: Origin): string => {
  switch (at._tag) {
    case 'File':
      return `${at.file}:${at.line}:${at.column}`
    case 'Variable':
      return `$${at.name}`
    case 'Flag':
      return at.name
    case 'Builtin':
      return ''
  }
}

/** `a.b`, with quotes where a name holds something else than letters, digits, `-` and `_`. */
export const formatKey = (path: readonly PropertyKey[]): string =>
  path
    .map(String)
    .map((name) => (/^[\w-]+$/.test(name) ? name : `"${name}"`))
    .join('.')

/** Prefixes of the well-known kinds of keys and tokens, and everything too long and mixed to be a name. */
const secretLike =
  /^(sk-|sk_|pk_|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AIza|AKIA|ya29\.|eyJ|Bearer )|^[\w+/=-]{41,}$/i

export const looksSecret = (text: string): boolean => secretLike.test(text)

/** A value for an error line: short, and never anything that may be a secret. */
export const showValue = (value: unknown): string => {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a block of keys'
  if (typeof value !== 'string') return String(value)
  if (looksSecret(value) || value.includes('@')) return 'a text (not shown)'
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
}
