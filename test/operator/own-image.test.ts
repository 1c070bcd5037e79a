import { describe, expect, it } from 'vitest'
import type { KubeApi } from '../../src/kube/api.ts'
import type { Pod } from '../../src/kube/kinds.ts'
import { ownImage } from '../../src/operator/own-image.ts'

const REF = { namespace: 'analytics-connector', name: 'operator-1' }
const api = (pod: Pod | undefined): Pick<KubeApi, 'get'> => ({ get: async () => pod as never })

describe('ownImage', () => {
  it('is that of the operator’s container, not of one that a mesh put beside it', async () => {
    const containers = [
      { name: 'proxy', image: 'mesh:1' },
      { name: 'operator', image: 'analytics-connector:1' },
    ]
    expect(await ownImage(api({ spec: { containers } }), REF)).toBe('analytics-connector:1')
  })

  it('is unknown outside a cluster', async () => {
    expect(await ownImage(api(undefined), REF)).toBeUndefined()
  })
})
