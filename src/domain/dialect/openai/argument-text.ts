/**
 * Collects the fragments of one call's arguments. Most servers send pieces to be joined; some send all the arguments so far
 * in each chunk. A fragment that begins with the one before may be either, so nothing more is certain until a later
 * fragment, or the end, decides. Each fragment is looked at once, however many there are: a server chooses their number.
 */
import { isWhole } from '#domain/dialect/openai/tool-call.ts'

/** Owned by one call and updated in place. */
export interface ArgumentText {
  mode: 'joined' | 'unsure' | 'whole'
  first: string
  joined: string
  last: string
  fragments: number
  /** Characters that no later fragment can take back, and the last of them, which nobody has taken yet. */
  certain: number
  fresh: string
  readonly ends: ObjectEnds
  /** Of the fragments so far; undefined: nobody has asked. */
  isWhole: boolean | undefined
}

export const argumentText = (): ArgumentText => ({
  mode: 'joined',
  first: '',
  joined: '',
  last: '',
  fragments: 0,
  certain: 0,
  fresh: '',
  ends: { state: 'open', depth: 0, isInString: false, isEscaped: false },
  isWhole: undefined,
})

/** After this many growing fragments nobody sends pieces: each would have to contain all the former ones. */
const SURE_AFTER = 4

/** @returns how many characters more are kept */
export const addArguments = (text: ArgumentText, fragment: string): number => {
  // White space before the object means nothing, and would look like any other white space that follows.
  const piece = text.fragments === 0 ? fragment.trimStart() : fragment
  if (piece === '') return 0
  const { last } = text
  text.fragments++
  if (text.fragments === 1) {
    text.first = piece
    join(text, piece)
    becomeCertain(text, piece)
  } else if (text.mode === 'whole') {
    if (!piece.startsWith(last)) return 0
    becomeCertain(text, piece.slice(text.certain))
  } else {
    const before = text.mode
    const grows = (text.fragments === 2 || before === 'unsure') && piece.startsWith(last)
    text.mode = !grows ? 'joined' : text.fragments >= SURE_AFTER ? 'whole' : 'unsure'
    join(text, piece)
    if (text.mode === 'whole') becomeCertain(text, piece.slice(text.certain))
    else if (text.mode === 'joined') becomeCertain(text, before === 'joined' ? piece : text.joined.slice(text.certain))
  }
  // More white space behind the object changes nothing.
  if (text.mode !== 'joined' || text.ends.state !== 'closed') text.isWhole = undefined
  text.last = piece
  return text.mode === 'whole' ? piece.length - last.length : piece.length
}

const join = (text: ArgumentText, piece: string): void => {
  text.joined += piece
  look(text.ends, piece)
}

const becomeCertain = (text: ArgumentText, more: string): void => {
  text.certain += more.length
  text.fresh += more
}

/** What has become certain since the last call. Only whole objects are written before the end. */
export const takeCertain = (text: ArgumentText): string => {
  const { fresh } = text
  text.fresh = ''
  return fresh
}

/** What has not been taken, if nothing more comes. */
export const takeRest = (text: ArgumentText): string => takeCertain(text) + allArguments(text).slice(text.certain)

/** The arguments if nothing more comes. */
export const allArguments = (text: ArgumentText): string => {
  if (text.mode === 'whole') return text.last
  return text.mode === 'unsure' && !isWhole(text.joined) && isWhole(text.last) ? text.last : text.joined
}

/** Whether the arguments so far are a whole object. */
export const isComplete = (text: ArgumentText): boolean => {
  if (text.mode === 'joined' && text.ends.state !== 'closed') return false
  text.isWhole ??= isWhole(allArguments(text))
  return text.isWhole
}

/** Where an object is, that comes in pieces: `over` is anything but one. */
interface ObjectEnds {
  state: 'open' | 'closed' | 'over'
  depth: number
  isInString: boolean
  isEscaped: boolean
}

const SPACE = /^\s$/

const look = (ends: ObjectEnds, piece: string): void => {
  for (const char of piece) {
    if (ends.state === 'over') return
    if (ends.state === 'closed') {
      if (!SPACE.test(char)) ends.state = 'over'
    } else if (ends.isEscaped) ends.isEscaped = false
    else if (ends.isInString) {
      if (char === '\\') ends.isEscaped = true
      else if (char === '"') ends.isInString = false
    } else lookOutside(ends, char)
  }
}

const lookOutside = (ends: ObjectEnds, char: string): void => {
  if (ends.depth === 0 && char !== '{') ends.state = 'over'
  else if (char === '"') ends.isInString = true
  else if (char === '{' || char === '[') ends.depth++
  else if (char === '}' || char === ']') {
    ends.depth--
    if (ends.depth === 0) ends.state = 'closed'
  }
}
