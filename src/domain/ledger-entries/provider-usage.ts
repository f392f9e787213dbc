/**
 * What a provider says was used, by UTC day and model, beside our ledger. Columns are found by their names, so other columns and
 * another order do not matter: the usage export of Anthropic's Console, and OpenRouter's activity (export and API).
 */
import { canonicalName } from '#domain/claude-models.ts'
import type { NamedRow } from '#domain/ledger-entries/csv.ts'
import { isBilled, type LedgerEntry, promptTokens } from '#domain/ledger-entries/entry.ts'

/** What can be compared; `promptTokens`: the whole prompt, where its parts are not told. */
export const FIGURES = [
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'promptTokens',
  'costUsd',
] as const
export type Figure = (typeof FIGURES)[number]

interface UsageFormat {
  readonly name: string
  /** Of the providers whose attempts are in such a file. */
  readonly kind: string
  /** Names of columns, any of them. */
  readonly day: readonly string[]
  readonly model: readonly string[]
  readonly figures: { readonly [F in Figure]?: readonly string[] }
}

export const USAGE_FORMATS: readonly UsageFormat[] = [
  {
    name: 'Anthropic Console usage',
    kind: 'anthropic',
    day: ['usage_date_utc'],
    model: ['model_version'],
    figures: {
      inputTokens: ['usage_input_tokens_no_cache'],
      outputTokens: ['usage_output_tokens'],
      cacheReadTokens: ['usage_input_tokens_cache_read'],
      cacheWrite5mTokens: ['usage_input_tokens_cache_write_5m'],
      cacheWrite1hTokens: ['usage_input_tokens_cache_write_1h'],
    },
  },
  {
    name: 'OpenRouter activity',
    kind: 'openrouter',
    day: ['created_at', 'date'],
    model: ['model_permaslug'],
    figures: {
      promptTokens: ['tokens_prompt', 'prompt_tokens'],
      outputTokens: ['tokens_completion', 'completion_tokens'],
      cacheReadTokens: ['tokens_cached'],
      costUsd: ['cost_total', 'usage'],
    },
  },
]

type Figures = { readonly [F in Figure]?: number }

export interface ProviderUsage {
  readonly format: UsageFormat
  /** Those that the file has. */
  readonly figures: readonly Figure[]
  /** By day and model. */
  readonly cells: ReadonlyMap<string, Figures>
}

/** Undefined when the columns are those of no format. */
export const readProviderUsage = (rows: readonly NamedRow[]): ProviderUsage | undefined => {
  const [first] = rows
  const format = USAGE_FORMATS.find(
    ({ day, model }) =>
      first !== undefined && columnOf(first, day) !== undefined && columnOf(first, model) !== undefined,
  )
  if (format === undefined || first === undefined) return undefined
  const columns = FIGURES.flatMap((figure) => {
    const column = columnOf(first, format.figures[figure] ?? [])
    return column === undefined ? [] : [[figure, column] as const]
  })
  const [day, model] = [columnOf(first, format.day) ?? '', columnOf(first, format.model) ?? '']
  const cells = new Map<string, Figures>()
  for (const row of rows) {
    const key = cellKey(String(row[day]).slice(0, 10), String(row[model]))
    const figures = Object.fromEntries(columns.map(([figure, column]) => [figure, Number(row[column]) || 0]))
    cells.set(key, addFigures(cells.get(key), figures))
  }
  return { format, figures: columns.map(([figure]) => figure), cells }
}

const columnOf = (row: NamedRow, names: readonly string[]): string | undefined =>
  names.find((name) => Object.hasOwn(row, name))

const cellKey = (day: string, model: string): string => JSON.stringify([day, modelKey(model)])

/** Providers write the snapshot's date or not. */
const modelKey = (model: string): string => (canonicalName(model) ?? model).replace(/-\d{8}$/, '')

const addFigures = (a: Figures | undefined, b: Figures): Figures =>
  Object.fromEntries(Object.entries(b).map(([figure, value]) => [figure, (a?.[figure as Figure] ?? 0) + (value ?? 0)]))

export interface UsageDifference {
  readonly _tag: 'ProviderUsage'
  /** As 2026-11-23, by UTC. */
  readonly day: string
  readonly model: string
  readonly figures: readonly { readonly figure: Figure; readonly ours: number; readonly theirs: number }[]
  /** A part of ours is an estimate: the provider had not told its count. */
  readonly estimated: boolean
}

/** A charge is told in fractions of a cent. */
const PRECISION_USD = 1e-6

/**
 * Compares the days that the file has, at the providers that it is about.
 *
 * @param kinds of the providers, by their ids
 */
export const compareUsage = (
  { format, figures: known, cells: theirs }: ProviderUsage,
  entries: readonly LedgerEntry[],
  kinds: ReadonlyMap<string, string>,
): readonly UsageDifference[] => {
  const ours = new Map<string, Figures>()
  const estimated = new Set<string>()
  const days = new Set([...theirs.keys()].map((key) => dayAndModel(key)[0]))
  for (const entry of entries) {
    const day = new Date(entry.startedAt).toISOString().slice(0, 10)
    if (!isBilled(entry) || kinds.get(entry.provider) !== format.kind || !days.has(day)) continue
    const key = cellKey(day, entry.model)
    ours.set(key, addFigures(ours.get(key), figuresOf(entry)))
    if (entry.estimated) estimated.add(key)
  }
  return [...new Set([...theirs.keys(), ...ours.keys()])].toSorted().flatMap((key) => {
    const [day, model] = dayAndModel(key)
    const told = theirs.get(key) ?? {}
    const figures = known.flatMap((figure) => {
      const [own, other] = [ours.get(key)?.[figure] ?? 0, told[figure] ?? 0]
      const slack = figure === 'costUsd' ? PRECISION_USD : 0
      return Math.abs(own - other) > slack ? [{ figure, ours: own, theirs: other }] : []
    })
    return figures.length === 0
      ? []
      : [{ _tag: 'ProviderUsage', day, model, figures, estimated: estimated.has(key) } as const]
  })
}

/** Of a key that cellKey has made. */
const dayAndModel = (key: string): readonly [string, string] => JSON.parse(key) as [string, string]

const figuresOf = ({ usage, costNanoUsd }: LedgerEntry): Figures => ({
  inputTokens: usage.inputTokens,
  outputTokens: usage.outputTokens,
  cacheReadTokens: usage.cacheReadTokens,
  cacheWrite5mTokens: usage.cacheWrite5mTokens,
  cacheWrite1hTokens: usage.cacheWrite1hTokens,
  promptTokens: promptTokens(usage),
  costUsd: (costNanoUsd ?? 0) / 1e9,
})

/** What differs on a day, and why that may be. */
export const usageDifferenceText = ({ day, model, figures, estimated }: UsageDifference): string => {
  const told = figures.map(
    ({ figure, ours, theirs }) => `${WORDS[figure]} ${shown(figure, ours)} here, ${shown(figure, theirs)} there`,
  )
  const more = figures.some(({ ours, theirs }) => theirs > ours)
  const less = figures.some(({ ours, theirs }) => ours > theirs)
  const why =
    more && !less
      ? 'The provider served more than went through this Signalbox: something else uses the account.'
      : estimated
        ? 'A part of ours is the estimate of streams that broke off.'
        : 'The export is of a part of the account (a key, a workspace), or was made before the day was over.'
  return `${day}, ${model}: ${told.join('; ')}. ${why}`
}

const WORDS: { readonly [F in Figure]: string } = {
  inputTokens: 'input',
  outputTokens: 'output',
  cacheReadTokens: 'cache read',
  cacheWrite5mTokens: 'cache write 5m',
  cacheWrite1hTokens: 'cache write 1h',
  promptTokens: 'prompt',
  costUsd: 'cost',
}

const shown = (figure: Figure, value: number): string =>
  figure === 'costUsd' ? `$${value.toFixed(6)}` : value.toLocaleString('en')
