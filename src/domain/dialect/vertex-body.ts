/**
 * A Messages body as Google Cloud takes it: the model is in the URL, and the version is in the body instead of a header.
 */
import { type Edit, editBytes, latin1, membersAt, removals, rootAt } from '#domain/dialect/json-cuts.ts'
import { setTopLevelString } from '#domain/dialect/raw-json.ts'

/** What Google Cloud calls the API's version of 2023-06-01; later ones go by their own names there. */
const FIRST_VERSION = 'vertex-2023-10-16'

/**
 * The body of a generation: `anthropic_version` stands where `model` stood, every other byte is as it was.
 * @param apiVersion the client's `anthropic-version` header.
 */
export const toVertexBody = (body: Uint8Array, apiVersion: string | undefined): Uint8Array =>
  putVersion(body, apiVersion, ['model', VERSION])

/** The body of a token count, where the model stays. */
export const toVertexCountBody = (body: Uint8Array, apiVersion: string | undefined, model: string): Uint8Array =>
  putVersion(setTopLevelString(body, 'model', model), apiVersion, [VERSION])

const VERSION = 'anthropic_version'

/** @param replaced names whose members go; the version takes the place of the first one, or stands before all others. */
const putVersion = (body: Uint8Array, apiVersion: string | undefined, replaced: readonly string[]): Uint8Array => {
  const text = latin1(body)
  const root = rootAt(text)
  const members = membersAt(text, root)
  const version = apiVersion === undefined || apiVersion === '2023-06-01' ? FIRST_VERSION : apiVersion
  const member = `"${VERSION}":${JSON.stringify(version)}`
  const indices = replaced.flatMap((name) => members.flatMap((one, index) => (one.name === name ? [index] : [])))
  const [first, ...others] = indices
  const place = first === undefined ? undefined : members[first]
  const edit: Edit =
    place === undefined
      ? { start: root + 1, end: root + 1, text: members.length === 0 ? member : `${member},` }
      : { start: place.start, end: place.end, text: member }
  return editBytes(body, [edit, ...removals(members, new Set(others))])
}
