/**
 * Collects the fragments of one call's arguments. Most servers send pieces to be joined; some send all the arguments so far
 * in each chunk. A fragment that begins with the one before may be either, so nothing more is certain until a later
 * fragment, or the end, decides.
 */
import { isWhole } from '#domain/dialect/openai/tool-call.ts'

/** Owned by one call and updated in place. */
export interface ArgumentText {
  mode: 'joined' | 'unsure' | 'whole'
  first: string
  joined: string
  last: string
  fragments: number
}

export const argumentText = (): ArgumentText => ({ mode: 'joined', first: '', joined: '', last: '', fragments: 0 })

/** After this many growing fragments nobody sends pieces: each would have to contain all the former ones. */
const SURE_AFTER = 4

export const addArguments = (text: ArgumentText, fragment: string): void => {
  // White space before the object means nothing, and would look like any other white space that follows.
  const piece = text.fragments === 0 ? fragment.trimStart() : fragment
  if (piece === '') return
  text.fragments++
  if (text.fragments === 1) {
    text.first = piece
    text.joined = piece
  } else if (text.mode === 'whole') {
    if (!piece.startsWith(text.last)) return
  } else {
    const grows = (text.fragments === 2 || text.mode === 'unsure') && piece.startsWith(text.last)
    text.mode = !grows ? 'joined' : text.fragments >= SURE_AFTER ? 'whole' : 'unsure'
    text.joined += piece
  }
  text.last = piece
}

/** What no later fragment can take back; only ever grows. */
export const certainArguments = (text: ArgumentText): string =>
  text.mode === 'unsure' ? text.first : text.mode === 'whole' ? text.last : text.joined

/** The arguments if nothing more comes. */
export const allArguments = (text: ArgumentText): string => {
  if (text.mode !== 'unsure') return certainArguments(text)
  return !isWhole(text.joined) && isWhole(text.last) ? text.last : text.joined
}
