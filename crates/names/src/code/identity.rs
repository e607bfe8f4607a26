//! People and rights (control plane 3).

use super::table;

table! {
    NGROK_205 ngrok 205 403 Access no
        "The organisation is suspended."
        "The operator of this installation suspended it."
        "Ask the operator.";
    NGROK_220 ngrok 220 403 Access no
        "The API may not be used from the address {ip}."
        "The organisation's rules limit where its API is used from."
        "Use it from an allowed network, or have the rules changed.";
    NGROK_635 ngrok 635 403 Access no
        "The owner of this API key may not use the API."
        "None of his roles gives rights there."
        "Have a role given to him, or use another key.";
    NGROK_636 ngrok 636 403 Credential no
        "The owner of this API key is not active."
        "A user or service user was deactivated; what he owns stays, but cannot be used."
        "Have the owner activated, or use another key.";
}
