/**
 * Reading of the client's Messages body: everything in it is an open list, so unknown shapes are looked at, never trusted.
 */
export type Json = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The blocks of a content that is a string, a list of blocks, or missing. */
export const blocksOf = (content: unknown): readonly Json[] => {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.filter(isObject) : []
}

/** The string, or the other for any other value. */
export const stringOr = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise)

/** Servers refuse empty text, and blank text says nothing. */
export const isBlank = (text: string): boolean => text.trim() === ''

/** Whether lists and objects lie in each other more than `most` deep. Not recursive: that is what it guards against. */
export const isDeeperThan = (value: unknown, most: number): boolean => {
  let level: readonly object[] = [value].filter(isNested)
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === most) return true
    level = level.flatMap((one): object[] => Object.values(one).filter(isNested))
  }
  return false
}

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null
