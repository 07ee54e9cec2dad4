import { elementsOf, fieldsOf, isJson, type Json } from '../../src/api/json.ts'

/**
 * The image's software bill of materials: CycloneDX, in JSON.
 *
 * It holds what the tool lists, and the packages of which the image has files although they are not installed there:
 * the Node.js that runs the operator, and what is copied or bundled.
 *
 * @param printed the bill of the installed packages
 * @param lock the content of package-lock.json
 * @param included the names of the further packages, as the lock file has them
 * @throws if no package is listed, or if the lock file has no such package
 */
export function billOfMaterials(printed: unknown, lock: unknown, included: readonly string[]): string {
  if (!isJson(printed) || elementsOf(printed['components']).length === 0) throw new Error('no package is listed')
  const installed = elementsOf(printed['components'])
  const known = new Set(installed.map(purlOf))
  const further = [...new Set(included)].map((name) => componentOf(name, lock))
  const components = [...installed, ...further.filter((component) => !known.has(purlOf(component)))]
  return `${JSON.stringify({ ...printed, components }, null, 1)}\n`
}

function componentOf(name: string, lock: unknown): Json {
  const packages = isJson(lock) && isJson(lock['packages']) ? lock['packages'] : {}
  const entry = packages[`node_modules/${name}`]
  if (!isJson(entry) || typeof entry['version'] !== 'string') throw new Error(`package-lock.json has no ${name}`)
  const { version, integrity, license } = entry
  const reference = `${name}@${version}`
  return {
    'bom-ref': reference,
    type: 'library',
    name,
    version,
    scope: 'required',
    // The at sign of a scope is encoded: https://github.com/package-url/purl-spec
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(typeof integrity === 'string' ? { hashes: [hash(integrity)] } : {}),
    ...(typeof license === 'string' ? { licenses: [{ expression: license }] } : {}),
  }
}

/** A package URL without its qualifiers: it identifies a package and its version. */
function purlOf(component: unknown): string {
  return String(fieldsOf(component)['purl']).replace(/[?#].*$/, '')
}

/** From the form of the lock file, `sha512-<base64>`. */
function hash(integrity: string): Json {
  const [algorithm = '', content = ''] = integrity.split('-', 2)
  return { alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(content, 'base64').toString('hex') }
}
