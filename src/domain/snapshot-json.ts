/**
 * JSON for folded states: as JSON, plus Map. Two states are the same exactly when their texts are (Map keeps its insertion
 * order, which the fold determines).
 */
const MAP = '$map'

export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, inner) => (inner instanceof Map ? { [MAP]: [...inner] } : inner))

export const fromJson = (text: string): unknown =>
  JSON.parse(text, (_key, inner) =>
    inner !== null && typeof inner === 'object' && Array.isArray(inner[MAP]) ? new Map(inner[MAP]) : inner,
  )
