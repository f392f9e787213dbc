/**
 * `GET /v1/models` and `GET /v1/models/{id}` of a simulated provider.
 */

/** What a provider lists when it is given no models; it then serves every name that begins with `claude-`. */
const DEFAULT_MODELS = [
  'claude-opus-5-5',
  'claude-sonnet-5-5',
  'claude-haiku-5-5',
  'claude-fable-5-2',
  'claude-opus-4-8',
]

export interface ModelList {
  readonly serves: (model: string) => boolean
  readonly one: (id: string) => object
  /** One page; `limit` default 20, cursors `after_id` and `before_id`. */
  readonly page: (query: URLSearchParams) => object
}

export const makeModelList = (models: readonly string[] | undefined): ModelList => {
  const listed = models ?? DEFAULT_MODELS
  return {
    serves: (model) => (models === undefined ? model.startsWith('claude-') : models.includes(model)),
    one: modelObject,
    page: (query) => {
      const after = query.get('after_id')
      const before = query.get('before_id')
      const limit = Math.max(1, Number(query.get('limit') ?? 20) || 20)
      const from = after === null ? 0 : listed.indexOf(after) + 1
      const to = before === null ? listed.length : Math.max(0, listed.indexOf(before))
      const rest = listed.slice(from, to)
      const ids = before === null ? rest.slice(0, limit) : rest.slice(-limit)
      return {
        data: ids.map(modelObject),
        has_more: rest.length > ids.length,
        first_id: ids[0] ?? null,
        last_id: ids.at(-1) ?? null,
      }
    },
  }
}

const modelObject = (id: string): object => ({
  type: 'model',
  id,
  display_name: id
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ')
    .replace(/(\d) (\d)/, '$1.$2'),
  created_at: '2026-09-22T00:00:00Z',
  lifecycle: 'active',
  line: id.split('-')[1] ?? null,
  max_input_tokens: 1_000_000,
  max_tokens: 128_000,
  deprecated_at: null,
  retires_at: null,
  capabilities: null,
})
