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
    NGROK_630 ngrok 630 403 Access no
        "You may not make this for {owner}."
        "Only who manages members makes keys and credentials that belong to others."
        "Leave the owner out, or have the permission members:manage given to you.";
    NGROK_634 ngrok 634 400 Access no
        "There is no user or service user {owner} in this organisation."
        "It never was, or is no more."
        "Give the id or e-mail address of a member, or the id of a service user.";
    NGROK_635 ngrok 635 403 Access no
        "The owner of the API key has not the rights for it."
        "None of his roles gives rights at the API, or none lets him change anything."
        "Have a role given to him, or use a key of somebody else.";
    NGROK_636 ngrok 636 403 Credential no
        "The owner is not active."
        "A user or service user was deactivated; what he owns stays, but cannot be used."
        "Have the owner activated, or use what belongs to somebody else.";
    NGROK_1227 ngrok 1227 429 Access later
        "There were too many attempts to sign in."
        "After some failures an account or address has to wait."
        "Wait for as many seconds as details say.";
    NGROK_4011 ngrok 4011 400 Invalid no
        "The password is too short."
        "It needs at least 12 bytes."
        "Choose a longer one.";
    NGROK_4020 ngrok 4020 400 Invalid no
        "The password is too long."
        "It may have at most 1024 bytes."
        "Choose a shorter one.";
    NGROK_4100 ngrok 4100 401 Credential no
        "The e-mail address or the password is not right."
        "Which of them is not said."
        "Try again, or have the password reset.";
    NGROK_6602 ngrok 6602 400 Access no
        "This is the last administrator of the organisation."
        "Without one nobody could manage its members any more."
        "Give the role admin to another member first.";
    NGROK_6615 ngrok 6615 403 Access no
        "You may not give roles with more rights than you have: {permission} is one of theirs."
        "Nobody gives what he has not."
        "Give other roles, or have somebody with these rights do it.";
    NGROK_6616 ngrok 6616 403 Access no
        "You may not change somebody who has more rights than you: {permission} is one of his."
        "Otherwise his rights could be taken over."
        "Have somebody with these rights do it.";
    NGROK_17001 ngrok 17001 401 Credential no
        "The code is not right."
        "A code of an authenticator is good for a minute and once; the clocks may differ too much."
        "Wait for the next code, and check the clock of the device that shows it.";
    NGROK_17002 ngrok 17002 401 Credential no
        "There are no recovery codes."
        "None was made, or all were used."
        "Sign in with your authenticator, or have an administrator of the server run adit server reset-user.";
    NGROK_17003 ngrok 17003 401 Credential no
        "The recovery code is not right."
        "Each is good once."
        "Try another one.";
    ADIT_2010 adit 2010 409 Access no
        "After this change you could not reach the {door} from your address {address} any more."
        "An enforced IP restriction would refuse it."
        "Allow your own address first, or give force=true.";
    ADIT_2015 adit 2015 401 Access no
        "You signed in too long ago for this."
        "What is dangerous needs a password or second factor that is at most 10 minutes old."
        "Confirm your password at POST /adit/me/verify and try again.";
    ADIT_2101 adit 2101 401 Credential no
        "The session has ended."
        "It was signed out or revoked, was not used for too long, or never was."
        "Sign in again.";
    ADIT_2103 adit 2103 403 Access no
        "This organisation does not let people sign in with a password."
        "Its administrators have switched that off."
        "Sign in in the way that your organisation has set up.";
    ADIT_2104 adit 2104 403 Access no
        "This link is not good any more."
        "It was used, has expired, was replaced by a newer one, or never was."
        "Ask whoever gave it to you for a new one.";
    ADIT_2107 adit 2107 403 Access no
        "The request does not come from the dashboard."
        "Another site may have had the browser send it: {reason}."
        "Reload the dashboard and try again.";
    ADIT_2108 adit 2108 400 Access no
        "The role {role} is built in."
        "Roles that are built in are the same everywhere."
        "Make a role of your own.";
    ADIT_2109 adit 2109 400 Invalid no
        "The role {role} does not exist here."
        "It is neither built in nor one of this organisation."
        "List the roles for their ids.";
    ADIT_2110 adit 2110 400 Invalid no
        "The permission {permission} does not exist."
        "Permissions are written resource:verb."
        "List the permissions that there are.";
    ADIT_2111 adit 2111 400 Invalid no
        "The password is one of the commonest."
        "Whoever guesses passwords tries these first."
        "Choose another one.";
    ADIT_2112 adit 2112 400 Access no
        "There is no authenticator to confirm."
        "None was set up within the last 10 minutes."
        "Ask for a new secret: the same request without a code.";
    ADIT_2113 adit 2113 403 Access no
        "This organisation asks for a second factor."
        "You signed in without one."
        "Set up an authenticator at POST /adit/me/totp.";
}
