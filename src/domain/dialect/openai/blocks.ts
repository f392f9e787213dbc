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

/** The string, or nothing for any other value. */
export const stringOr = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise)

/** Servers refuse empty text, and blank text says nothing. */
export const isBlank = (text: string): boolean => text.trim() === ''
