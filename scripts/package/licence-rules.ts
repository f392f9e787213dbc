/**
 * Which licences of others are fine in a program under MIT that is given to everybody: those that ask for their text and nothing
 * more of ours. Expressions are those of SPDX.
 */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

/** `A OR B` needs one of them, `A AND B` both; AND binds closer. What cannot be read is not allowed. */
export const isAllowed = (licence: string | undefined): boolean => {
  const tokens = licence?.match(/\(|\)|[^\s()]+/g) ?? []
  let next = 0
  const term = (): boolean => {
    const token = tokens[next++]
    if (token !== '(') return token !== undefined && ALLOWED.has(token)
    const inner = either()
    return tokens[next++] === ')' && inner
  }
  const all = (): boolean => {
    let allowed = term()
    while (tokens[next] === 'AND') {
      next++
      // No short circuit: the words must be read to the end.
      allowed = term() && allowed
    }
    return allowed
  }
  const either = (): boolean => {
    let allowed = all()
    while (tokens[next] === 'OR') {
      next++
      allowed = all() || allowed
    }
    return allowed
  }
  return either() && next === tokens.length
}
