/**
 * The admin token. It comes in the fragment of the link that Signalbox prints, which no server and no proxy sees, is kept as
 * long as the tab, and leaves the address at once, so that it is in no bookmark and on no shared screen.
 */
import { signal } from '@preact/signals'
import { decoded } from './router.ts'

const KEY = 'signalbox.token'

export const token = signal<string | null>(sessionStorage.getItem(KEY))
/** Why a token is asked for, when one was refused. */
export const refusal = signal<string | null>(null)

/** To be called before anything reads the address: `#token=…` becomes the start page, `#/view?…&token=…` that view. */
export const takeTokenFromAddress = (): void => {
  const hash = location.hash.slice(1)
  const found = /(?:^|[?&])token=([^&]+)/.exec(hash)
  if (found?.[1] === undefined) return
  setToken(decoded(found[1]))
  const rest = hash.replace(/[?&]?token=[^&]+/, '')
  history.replaceState(null, '', `#${rest.startsWith('/') ? rest : '/'}`)
}

export const setToken = (value: string): void => {
  sessionStorage.setItem(KEY, value)
  refusal.value = null
  token.value = value
}

/** Forgets the token; the page asks for another one, and says why. */
export const dropToken = (why: string | null): void => {
  sessionStorage.removeItem(KEY)
  refusal.value = why
  token.value = null
}
