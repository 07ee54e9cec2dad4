/** Prefix of the message of a pod that requests more than a whole quota. */
const NEVER_FITS = 'can never fit its quota: '

/** The API server's quota message, with a prefix if freed quota can never be enough. */
export function quotaMessage(refusal: string): string {
  const tooMuch = excessOf(refusal)
  // The used amount changes with every pod, and each change would be a status write.
  const steady = refusal.replace(/, used: \S+(?=, limited: )/, '')
  return tooMuch.length === 0 ? steady : `${NEVER_FITS}${tooMuch.join(', ')}. ${steady}`
}

/** Whether the message says that the pod can never fit its quota. */
export function isTooBig(message: string): boolean {
  return message.startsWith(NEVER_FITS)
}

/** A limit of zero does not count: it closes a namespace for a while. */
function excessOf(refusal: string): string[] {
  const requested = amountsOf(/\brequested: (\S+?),? /.exec(refusal)?.[1])
  const limited = amountsOf(/\blimited: (\S+)/.exec(refusal)?.[1])
  return [...requested].flatMap(([resource, asked]) => {
    const limit = limited.get(resource)
    if (limit === undefined || quantityOf(limit) === 0) return []
    return quantityOf(asked) > quantityOf(limit) ? [`${asked} of ${resource} against ${limit}`] : []
  })
}

/** `cpu=2,memory=1Gi`, as the API server lists them. */
function amountsOf(list = ''): Map<string, string> {
  const pairs = list
    .split(',')
    .map((pair) => pair.split('='))
    .map(([name = '', amount = '']) => [name, amount] as const)
  return new Map(pairs)
}

const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'].map(
  (suffix, index) => [suffix, 10 ** (3 * index - 9)] as const,
)
const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, index) => [suffix, 2 ** (10 * index + 10)] as const)
const factors = new Map<string, number>([...decimal, ...binary])

/** The number of a resource quantity; NaN, which compares as false, if the text is not a quantity. */
export function quantityOf(text: string): number {
  const [, number = '', suffix = ''] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text) ?? []
  return Number(number === '' ? NaN : number) * (factors.get(suffix) ?? NaN)
}
