//! `kv`: the plugin's own namespace.

use std::{sync::Arc, time::Duration};

use wasmtime::format_err;

use crate::{
    plugin::{
        bindings::kv::{Host, KvError, LeadAnswer},
        state::State,
    },
    stores::{self, Kv, StoreError},
};

type Answer<T> = wasmtime::Result<Result<T, KvError>>;

impl Host for State {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        let found = self.namespace("kv.get")?.get(&key).await;
        Ok(found.map(|value| value.map(|bytes| bytes.to_vec())).map_err(kv_error))
    }

    async fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Answer<()> {
        let set = self.namespace("kv.set")?.set(&key, value.into(), ttl(ttl_ms)).await;
        Ok(set.map_err(kv_error))
    }

    async fn delete(&mut self, key: String) -> Answer<bool> {
        Ok(self.namespace("kv.delete")?.delete(&key).await.map_err(kv_error))
    }

    async fn compare_and_swap(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Answer<bool> {
        let namespace = self.namespace("kv.compare-and-swap")?;
        let expected = expected.map(Into::into);
        let swapped = namespace.compare_and_swap(&key, expected, value.into(), ttl(ttl_ms)).await;
        Ok(swapped.map_err(kv_error))
    }

    async fn increment(&mut self, key: String, by: i64, ttl_ms: Option<u64>) -> Answer<i64> {
        let sum = self.namespace("kv.increment")?.increment(&key, by, ttl(ttl_ms)).await;
        Ok(sum.map_err(kv_error))
    }

    async fn lead(&mut self, key: String, wait_ms: u32) -> Answer<LeadAnswer> {
        let wait = Duration::from_millis(wait_ms.into());
        Ok(match self.namespace("kv.lead")?.lead(&key, wait).await {
            Ok(stores::Lead::Value(value)) => Ok(LeadAnswer::Value(value.to_vec())),
            Ok(stores::Lead::Yours(guard)) => {
                self.leads.push(guard);
                Ok(LeadAnswer::Yours)
            }
            Ok(stores::Lead::Busy) => Ok(LeadAnswer::Busy),
            Err(error) => Err(kv_error(error)),
        })
    }
}

impl State {
    fn namespace(&self, call: &str) -> wasmtime::Result<Arc<dyn Kv>> {
        self.outside_configure(call)?;
        // A component that imports kv without the grant is refused before it is instantiated.
        self.context.kv.clone().ok_or_else(|| format_err!("{call} is not granted"))
    }
}

fn ttl(ms: Option<u64>) -> Option<Duration> {
    ms.map(Duration::from_millis)
}

fn kv_error(error: StoreError) -> KvError {
    match error {
        StoreError::Full => KvError::Full,
        StoreError::TooLarge => KvError::TooLarge,
        StoreError::NotACounter => KvError::NotACounter,
        StoreError::Invalid(why) | StoreError::Unavailable(why) => KvError::Unavailable(why),
    }
}
