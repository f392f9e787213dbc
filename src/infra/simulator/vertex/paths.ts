/**
 * The paths of Vertex AI that are simulated. Names come percent-encoded; a server may drop a path with an unescaped `;`.
 */
export interface Place {
  readonly project: string
  /** `global`, `us`, `eu` or a region. */
  readonly location: string
}

export type VertexPath =
  | { readonly _tag: 'Claude'; readonly place: Place; readonly model: string; readonly streams: boolean }
  | { readonly _tag: 'CountTokens'; readonly place: Place }
  | { readonly _tag: 'Gemini'; readonly place: Place }

export const vertexPath = (path: string): VertexPath | undefined => {
  const [, , project = '', location = '', rest = ''] =
    /^\/(v1|v1beta1)\/projects\/([^/;]+)\/locations\/([^/;]+)\/([^;]*)$/.exec(path) ?? []
  const place = { project: decoded(project), location: decoded(location) }
  if (rest === 'endpoints/openapi/chat/completions') return { _tag: 'Gemini', place }
  const [, model, method] = /^publishers\/anthropic\/models\/([^/:]+):(rawPredict|streamRawPredict)$/.exec(rest) ?? []
  if (model === undefined) return undefined
  if (model !== 'count-tokens') {
    return { _tag: 'Claude', place, model: decoded(model), streams: method === 'streamRawPredict' }
  }
  return method === 'rawPredict' ? { _tag: 'CountTokens', place } : undefined
}

/** The full name of a model, as Google's messages write it. */
export const publisherModel = ({ project, location }: Place, model: string): string =>
  `projects/${project}/locations/${location}/publishers/anthropic/models/${model}`

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    // A broken escape names nothing; the path is then one that does not exist.
    return part
  }
}
