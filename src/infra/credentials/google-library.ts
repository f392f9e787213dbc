/**
 * google-auth-library, loaded at the first token: it costs some 40 ms, which a start without it should not pay.
 */
import { Effect } from 'effect'

/** What it would print itself is a warning about credentials from strangers; ours come from the machine's own files. */
interface Warnings {
  readonly suppressAdcWarning: <A>(run: () => A) => A
}

export const loadGoogle = Effect.promise(async () => {
  const library = await import('google-auth-library')
  // The declaration of this module leaves its internal functions out.
  const warnings = (await import('google-auth-library/build/src/util.js')) as object as Warnings
  return { ...library, withoutWarning: warnings.suppressAdcWarning }
})
