//! Floor 5: how people and programs reach the engine. Turns flags into options and reports into
//! text or JSON; decides nothing.

pub mod cli;
pub mod html;
