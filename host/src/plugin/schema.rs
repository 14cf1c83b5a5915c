//! Asks a component for the schema of its settings.

use std::{pin::pin, sync::Arc};

use serde_json::Value;
use wasmtime::component::{InstancePre, TypedFunc};

use super::{
    context::Context,
    exports::Exports,
    funcs::typed,
    meter::metered,
    state::{State, new_store},
};

type SchemaFunc = TypedFunc<(), (String,)>;

/// Longer ones are not read, in bytes: those that come with Torana have a hundredth of it.
const LONGEST: usize = 1 << 20;

/// The schema, from an instance that is thrown away: what it leaves in memory is no request's.
///
/// None where there is none, or none that can be read. It helps whoever writes settings; what it says
/// is held against the grants once more when the plugin calls, so nothing hangs on it.
pub(super) async fn schema(
    pre: &InstancePre<State>,
    exports: &Exports,
    context: &Arc<Context>,
) -> Option<Value> {
    let index = exports.schema?;
    let mut store = new_store(pre, context);
    let (meter, limits) = (store.data().meter().clone(), &context.limits);
    let asking = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let settings: SchemaFunc = typed(&instance, &mut store, index, "schema")?;
        settings.call_async(&mut store, ()).await
    };
    let (text,) = metered(&meter, limits.startup, limits.wall, pin!(asking)).await.ok()?.ok()?;
    if text.len() > LONGEST {
        return None;
    }
    serde_json::from_str(&text).ok()
}
